import { StartError } from '../errors.ts'
import { formatDate, formatDevice, formatDuration } from '../i18n/format.ts'
import { templateEngine } from '../i18n/template-engine.ts'
import type { MailTemplate } from './mail.ts'
import { openMailTemplates, templateFolders } from './render.ts'

type Settings = { templatesDir: string | undefined; defaultLocale: string }

/**
 * Renders every mail once with sample values, so that a broken template of the operator is found at startup and not
 * when a mail is sent. Throws a one-line `StartError`.
 */
export async function checkMailTemplates({ templatesDir, defaultLocale }: Settings): Promise<void> {
  if (!templatesDir) return
  const render = openMailTemplates({ templatesDir })
  for (const template of mailTemplates) {
    const values = await sampleValues(template, defaultLocale)
    const message = await render(template, defaultLocale, values).catch(refuse)
    const used = await listVariables(templateFolders(templatesDir), template).catch(refuse)
    const unknown = used.find((name) => !(name in values))
    if (unknown)
      refuse(`"${template}" uses {{ ${unknown} }}, but its only values are ${Object.keys(values).join(', ')}`)
    const hasLink = [message.text, message.html].every((half) => half.includes(String(values['url'] ?? '')))
    if (!hasLink) refuse(`the .txt or the .html file of "${template}" does not contain {{ url }}, the link of the mail`)
  }
}

function refuse(problem: unknown): never {
  const text = problem instanceof Error ? problem.message : String(problem)
  throw new StartError(`A mail template in TEMPLATES_DIR is invalid: ${text.replace(/\s+/g, ' ')}.`)
}

/** The page that the link in each mail opens. */
const linkPaths: Record<MailTemplate, string> = {
  'verify-address': '/verify/',
  'reset-password': '/reset/',
  'password-reset-successful': '/not-me/',
  'no-account': '',
  'new-device': '/not-me/',
  'password-changed': '/not-me/',
  'wrong-passwords': '',
  'confirm-address': '/confirm-address/',
  'address-changed': '/undo-address/',
  'account-deleted': '',
}

export function isMailTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(linkPaths, name)
}

export const mailTemplates: MailTemplate[] = Object.keys(linkPaths).filter(isMailTemplate)

/** Returns sample values for the variables that the two built-in templates of a mail use. */
export async function sampleValues(template: MailTemplate, locale: string): Promise<Record<string, unknown>> {
  const samples: Record<string, unknown> = {
    url: sampleLink(linkPaths[template]),
    not_me_url: sampleLink('/not-me/'),
    email: 'ada@example.org',
    at: formatDate(locale, new Date('2026-03-14T15:09:26Z')),
    device: formatDevice(locale, { browser: 'Firefox', system: 'Windows' }),
    lifetime: formatDuration(locale, 24 * 3_600_000),
    is_waiting: true,
  }
  const names = await listVariables(templateFolders(undefined), template)
  return Object.fromEntries(names.map((name) => [name, samples[name] ?? `a sample of ${name}`]))
}

function sampleLink(path: string): string {
  return `https://movies.example.org${path}${path && 'mbq2x7kd5wz3hrv6ta4nceyu2j'}`
}

/** Lists the variables that the two files of a mail use. */
async function listVariables(folders: string[], template: MailTemplate): Promise<string[]> {
  const names = new Set<string>()
  for (const extension of ['.txt', '.html'] as const) {
    const engine = templateEngine(folders, extension)
    for (const name of await engine.globalVariables(await engine.parseFile(template))) names.add(name)
  }
  return [...names].filter((name) => name !== 'locale' && name !== 'dir')
}
