import { join } from 'node:path'
import { textDirection } from '../i18n/languages.ts'
import { templateEngine } from '../i18n/template-engine.ts'
import { type MessageKey, translate } from '../i18n/translate.ts'
import type { MailTemplate } from './mail.ts'
import type { Message } from './smtp.ts'

const ownTemplates = join(import.meta.dirname, '../../templates/email')

/** Renders a mail in a language from its two templates. */
export type RenderMail = (template: MailTemplate, locale: string, values: Record<string, unknown>) => Promise<Message>

/**
 * Renders mails from `templates/email/<template>.txt` and `.html`. A file with the same name in `templatesDir`
 * overrides the built-in one. The subject is the message `mail.<template>.subject`.
 */
export function openMailTemplates({ templatesDir }: { templatesDir: string | undefined }): RenderMail {
  const folders = templateFolders(templatesDir)
  const html = templateEngine(folders, '.html')
  const text = templateEngine(folders, '.txt')
  return async (template, locale, values) => ({
    subject: translate(locale, subjectKey(template)),
    text: text.renderFileSync(template, { ...values, locale, dir: textDirection(locale) }),
    html: html.renderFileSync(template, { ...values, locale, dir: textDirection(locale) }),
  })
}

/** Lists the folders in which templates are looked up. The first match wins. */
export function templateFolders(templatesDir: string | undefined): string[] {
  return templatesDir ? [join(templatesDir, 'email'), templatesDir, ownTemplates] : [ownTemplates]
}

export function subjectKey(template: MailTemplate): MessageKey {
  return `mail.${template}.subject`
}
