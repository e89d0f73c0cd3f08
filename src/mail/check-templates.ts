import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { StartError } from '../errors.ts'
import { hasSentence } from '../http/sentences.ts'
import { foldersOf, liquid, mailTemplates, ownTemplates } from './templates.ts'

type Settings = { templatesDir: string | undefined; defaultLocale: string }

/**
 * Writes every mail once with made-up values, so that a template of the operator's that does not work is told at the
 * start, and not by mail that never leaves. Throws a `StartError` of one line.
 */
export async function checkMailTemplates({ templatesDir, defaultLocale }: Settings): Promise<void> {
  if (!templatesDir) return
  const render = mailTemplates({ templatesDir })
  for (const kind of mailKinds(defaultLocale)) {
    const values = Object.fromEntries(
      (await variablesOf(foldersOf(undefined), kind)).map((name) => [name, sampleOf(name)]),
    )
    const message = await render(kind, defaultLocale, values).catch(refuse)
    const used = await variablesOf(foldersOf(templatesDir), kind).catch(refuse)
    const unknown = used.find((name) => !(name in values))
    if (unknown) refuse(`the mail "${kind}" knows no {{ ${unknown} }}, only ${Object.keys(values).join(', ')}`)
    const isWhole = [message.text, message.html].every((half) => half.includes(values['url'] ?? ''))
    if (!isWhole) refuse(`a half of the mail "${kind}" lacks {{ url }}, the link that it is sent for`)
  }
}

/** What has a subject is a mail; the frame and the button are parts. */
export function mailKinds(locale: string): string[] {
  const names = readdirSync(ownTemplates).map((file) => basename(basename(file, '.html'), '.txt'))
  return [...new Set(names)].filter((name) => hasSentence(locale, `mail.${name}.subject`))
}

/** The values that a mail is given are those that our own two templates use between them. */
export async function variablesOf(folders: string[], kind: string): Promise<string[]> {
  const names = new Set<string>()
  for (const extension of ['.txt', '.html'] as const) {
    const engine = liquid(folders, extension)
    for (const name of await engine.globalVariables(await engine.parseFile(kind))) names.add(name)
  }
  return [...names].filter((name) => name !== 'locale' && name !== 'dir')
}

function sampleOf(name: string): string {
  return name === 'url' ? 'https://movie-bag.example/sample' : `a sample of ${name}`
}

function refuse(problem: unknown): never {
  const text = problem instanceof Error ? problem.message : String(problem)
  throw new StartError(`A mail template in TEMPLATES_DIR does not work: ${text.replace(/\s+/g, ' ')}.`)
}
