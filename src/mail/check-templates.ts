import { StartError } from '../errors.ts'
import { foldersOf, openMailTemplates } from './render.ts'
import { mailKinds, sampleOf, variablesOf } from './samples.ts'

type Settings = { templatesDir: string | undefined; defaultLocale: string }

/**
 * Writes every mail once with made-up values, so that a template of the operator's that does not work is told at the
 * start, and not by mail that never leaves. Throws a `StartError` of one line.
 */
export async function checkMailTemplates({ templatesDir, defaultLocale }: Settings): Promise<void> {
  if (!templatesDir) return
  const render = openMailTemplates({ templatesDir })
  for (const kind of mailKinds()) {
    const values = await sampleOf(kind, defaultLocale)
    const message = await render(kind, defaultLocale, values).catch(refuse)
    const used = await variablesOf(foldersOf(templatesDir), kind).catch(refuse)
    const unknown = used.find((name) => !(name in values))
    if (unknown) refuse(`the mail "${kind}" knows no {{ ${unknown} }}, only ${Object.keys(values).join(', ')}`)
    const isWhole = [message.text, message.html].every((half) => half.includes(String(values['url'] ?? '')))
    if (!isWhole) refuse(`a half of the mail "${kind}" lacks {{ url }}, the link that it is sent for`)
  }
}

function refuse(problem: unknown): never {
  const text = problem instanceof Error ? problem.message : String(problem)
  throw new StartError(`A mail template in TEMPLATES_DIR does not work: ${text.replace(/\s+/g, ' ')}.`)
}
