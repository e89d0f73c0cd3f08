import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Liquid } from 'liquidjs'
import type { Message } from './smtp.ts'

const root = join(import.meta.dirname, '../..')

export const ownTemplates = join(root, 'templates/email')

/** Writes the message of a kind of mail, in a language, from its two templates. */
export type RenderMail = (kind: string, locale: string, values: Record<string, unknown>) => Promise<Message>

/**
 * Renders mails from `templates/email/<kind>.txt` and `.html`; a file of the same name in `templatesDir` takes the place
 * of ours. The subject is the sentence `mail.<kind>.subject`.
 */
export function mailTemplates({ templatesDir }: { templatesDir: string | undefined }): RenderMail {
  const folders = foldersOf(templatesDir)
  const html = liquid(folders, '.html')
  const text = liquid(folders, '.txt')
  return async (kind, locale, values) => ({
    subject: sentence(locale, `mail.${kind}.subject`),
    text: await text.renderFile(kind, { ...values, locale }),
    html: await html.renderFile(kind, { ...values, locale }),
  })
}

/** Where a template is looked for, first to last. */
export function foldersOf(templatesDir: string | undefined): string[] {
  return templatesDir ? [join(templatesDir, 'email'), templatesDir, ownTemplates] : [ownTemplates]
}

/** The template engine, as mails and pages use it: HTML is escaped, and `t` is the filter that finds a sentence. */
export function liquid(folders: string[], extension: '.html' | '.txt'): Liquid {
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
    return sentence(String(this.context.getSync(['locale'])), key, Object.fromEntries(values))
  })
  return engine
}

/** A sentence of `locales/<locale>.json`, with `{name}` replaced by the value of that name. Throws where there is none. */
export function sentence(locale: string, key: string, values: Record<string, unknown> = {}): string {
  const found = sentencesOf(locale)[key]
  if (found === undefined) throw new Error(`locales/${locale}.json has no sentence "${key}".`)
  return found.replace(/\{(\w+)\}/g, (_whole, name: string) => String(values[name]))
}

export function hasSentence(locale: string, key: string): boolean {
  return key in sentencesOf(locale)
}

const sentences = new Map<string, Record<string, string>>()

function sentencesOf(locale: string): Record<string, string> {
  const known = sentences.get(locale)
  if (known) return known
  const read: Record<string, string> = JSON.parse(readFileSync(join(root, 'locales', `${locale}.json`), 'utf8'))
  sentences.set(locale, read)
  return read
}

/** A moment as a person reads it, in UTC. */
export function dateInWords(locale: string, iso: string | undefined): string {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(iso ? new Date(iso) : new Date())} UTC`
}

/** A length of time in the largest unit that measures it without a rest. */
export function durationInWords(locale: string, ms: number): string {
  const seconds = Math.round(ms / 1000)
  const format = new Intl.DurationFormat(locale, { style: 'long' })
  if (seconds % 3600 === 0) return format.format({ hours: seconds / 3600 })
  return format.format(seconds % 60 === 0 ? { minutes: seconds / 60 } : { seconds })
}
