import { join } from 'node:path'
import { textDirection } from '../i18n/languages.ts'
import { templateEngine } from '../i18n/template-engine.ts'
import { isMessageKey, type MessageKey, translate } from '../i18n/translate.ts'
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
    subject: translate(locale, subjectKey(kind)),
    text: await text.renderFile(kind, { ...values, locale, dir: textDirection(locale) }),
    html: await html.renderFile(kind, { ...values, locale, dir: textDirection(locale) }),
  })
}

/** Where a template is looked for, first to last. */
export function foldersOf(templatesDir: string | undefined): string[] {
  return templatesDir ? [join(templatesDir, 'email'), templatesDir, ownTemplates] : [ownTemplates]
}

/** Returns the key of the subject of a kind of mail. */
export function subjectKey(kind: string): MessageKey {
  const key = `mail.${kind}.subject`
  if (!isMessageKey(key)) throw new Error(`"${kind}" is no kind of mail.`)
  return key
}
