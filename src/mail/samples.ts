import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { formatDate, formatDevice, formatDuration } from '../i18n/format.ts'
import { templateEngine } from '../i18n/template-engine.ts'
import { isMessageKey } from '../i18n/translate.ts'
import { foldersOf, ownTemplates } from './render.ts'

/** What has a subject is a mail; the frame and the button are parts. */
export function mailKinds(): string[] {
  const names = readdirSync(ownTemplates).map((file) => basename(basename(file, '.html'), '.txt'))
  return [...new Set(names)].filter((name) => isMessageKey(`mail.${name}.subject`))
}

/** Made-up values for a mail, as its writer would give them: those that our own two templates use between them. */
export async function sampleOf(kind: string, locale: string): Promise<Record<string, unknown>> {
  const samples: Record<string, unknown> = {
    url: `https://movies.example.org${pathOf(kind)}`,
    not_me_url: `https://movies.example.org${pathOf('not-me')}`,
    email: 'ada@example.org',
    at: formatDate(locale, new Date('2026-03-14T15:09:26Z')),
    device: formatDevice(locale, 'Firefox on Windows'),
    lifetime: formatDuration(locale, 24 * 3_600_000),
    is_waiting: true,
  }
  const names = await variablesOf(foldersOf(undefined), kind)
  return Object.fromEntries(names.map((name) => [name, samples[name] ?? `a sample of ${name}`]))
}

/** The names that the two templates of a mail use. */
export async function variablesOf(folders: string[], kind: string): Promise<string[]> {
  const names = new Set<string>()
  for (const extension of ['.txt', '.html'] as const) {
    const engine = templateEngine(folders, extension)
    for (const name of await engine.globalVariables(await engine.parseFile(kind))) names.add(name)
  }
  return [...names].filter((name) => name !== 'locale' && name !== 'dir')
}

function pathOf(kind: string): string {
  if (kind === 'no-account') return ''
  const pages: Record<string, string> = {
    'reset-password': 'reset',
    'verify-address': 'verify',
    'confirm-address': 'confirm-address',
    'address-changed': 'undo-address',
  }
  return `/${pages[kind] ?? 'not-me'}/mbq2x7kd5wz3hrv6ta4nceyu2j`
}
