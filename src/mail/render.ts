import { join } from 'node:path'
import { type Context, Liquid } from 'liquidjs'
import { textDirection } from '../i18n/languages.ts'
import { formatDate, formatDevice, formatDuration, translate } from '../i18n/translate.ts'
import type { Message } from './smtp.ts'

const root = join(import.meta.dirname, '../..')

export const ownTemplates = join(root, 'templates/email')

/** Writes the message of a kind of mail, in a language, from its two templates. */
export type RenderMail = (kind: string, locale: string, values: Record<string, unknown>) => Promise<Message>

/**
 * Renders mails from `templates/email/<kind>.txt` and `.html`; a file of the same name in `templatesDir` takes the place
 * of ours. The subject is the sentence `mail.<kind>.subject`.
 */
export function openMailTemplates({ templatesDir }: { templatesDir: string | undefined }): RenderMail {
  const folders = foldersOf(templatesDir)
  const html = templateEngine(folders, '.html')
  const text = templateEngine(folders, '.txt')
  return async (kind, locale, values) => ({
    subject: translate(locale, `mail.${kind}.subject`),
    text: await text.renderFile(kind, { ...values, locale, dir: textDirection(locale) }),
    html: await html.renderFile(kind, { ...values, locale, dir: textDirection(locale) }),
  })
}

/** Where a template is looked for, first to last. */
export function foldersOf(templatesDir: string | undefined): string[] {
  return templatesDir ? [join(templatesDir, 'email'), templatesDir, ownTemplates] : [ownTemplates]
}

/** The template engine, as mails and pages use it: HTML is escaped, and filters say things in the language `locale`. */
export function templateEngine(folders: string[], extension: '.html' | '.txt'): Liquid {
  const engine = new Liquid({
    root: folders,
    layouts: folders,
    partials: folders,
    extname: extension,
    cache: true,
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    ownPropertyOnly: true,
    ...(extension === '.html' && { outputEscape: 'escape' }),
  })
  engine.registerFilter('t', function (key: string, ...values: [string, unknown][]) {
    return translate(localeIn(this.context), key, Object.fromEntries(values))
  })
  engine.registerFilter('date_in_words', function (at: Date | null) {
    return at ? formatDate(localeIn(this.context), at) : ''
  })
  engine.registerFilter('duration_in_words', function (ms: number) {
    return formatDuration(localeIn(this.context), ms)
  })
  engine.registerFilter('device_in_words', function (device: string) {
    return formatDevice(localeIn(this.context), device)
  })
  return engine
}

function localeIn(context: Context): string {
  return String(context.getSync(['locale']))
}
