import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { StartError } from '../errors.ts'

/**
 * The settings in an environment file. Without a `location`, `.env` is read where there is one. Throws a `StartError`
 * for a named file that cannot be read, and for a line that `parseEnv` would drop or cut short without a word.
 */
export function readEnvFile(location: string | undefined): NodeJS.Dict<string> {
  const text = fileText(location)
  const lines = withoutQuotedText(text).split('\n')
  for (const [index, line] of lines.entries()) {
    const problem = problemOf(line)
    if (problem) throw new StartError(`Line ${index + 1} of ${location || '.env'} ${problem}`)
  }
  return parseEnv(text)
}

function fileText(location: string | undefined): string {
  try {
    return readFileSync(location || '.env', 'utf8')
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error
    if (!location && code === 'ENOENT') return ''
    const reason = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`
    if (!location) throw new StartError(`The file .env ${reason}.`)
    throw new StartError(
      `ENV_FILE_LOCATION names ${location}, which ${reason}: name a file that can be read, or unset it.`,
    )
  }
}

/** Values in quotes may span lines and hold anything: they are emptied, but for the ends of lines, which are counted. */
function withoutQuotedText(text: string): string {
  return text.replace(
    /^([ \t]*(?:export[ \t]+)?\w+[ \t]*=[ \t]*)(["'`])([\s\S]*?)\2/gm,
    (_whole, start: string, quote: string, value: string) => start + quote + quote + value.replace(/[^\n]/g, ''),
  )
}

/** What is wrong with a line, as the end of a sentence. */
function problemOf(line: string): string | undefined {
  if (/^\s*(#.*)?$/.test(line)) return undefined
  const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line) ?? []
  if (!name) {
    const likely = /^\s*(?:export\s+)?(\w+)/.exec(line)?.[1] ?? 'NAME'
    return `is not a setting: write ${likely}=value, with an equals sign.`
  }
  if (/^(["'`])\1\s*(#.*)?$/.test(value)) return undefined
  if (/^(["'`])\1/.test(value))
    return `has more after the quoted value of ${name}: put all of it in one kind of quotes.`
  if (/^["'`]/.test(value)) return `begins a quoted value of ${name} that never ends: close the quotes.`
  if (/[^\s]#/.test(value)) return `has a # in the value of ${name}, which would cut it off there: put it in quotes.`
  return undefined
}
