import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { errorCode, StartError } from '../errors.ts'

/**
 * Reads the settings of an environment file: `location`, or `.env` if there is one. Throws a `StartError` if `location`
 * cannot be read, or if `parseEnv` would silently drop a line or cut it short.
 */
export function readEnvFile(location: string | undefined): NodeJS.Dict<string> {
  const text = readText(location)
  const lines = emptyQuotes(text).split('\n')
  for (const [index, line] of lines.entries()) {
    const problem = findProblem(line)
    if (problem) throw new StartError(`Line ${index + 1} of ${location || '.env'} ${problem}`)
  }
  return parseEnv(text)
}

function readText(location: string | undefined): string {
  try {
    return readFileSync(location || '.env', 'utf8')
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n')
  } catch (error) {
    const code = errorCode(error) || error
    if (!location && code === 'ENOENT') return ''
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    if (!location) throw new StartError(`The file .env ${reason}.`)
    throw new StartError(`ENV_FILE_LOCATION is ${location}, which ${reason}. Set it to a readable file, or unset it.`)
  }
}

/** Quoted values may span lines and contain anything. Empties them, except for line breaks, so that lines can be counted. */
function emptyQuotes(text: string): string {
  return text.replace(
    /^([ \t]*(?:export[ \t]+)?\w+[ \t]*=[ \t]*)(["'`])([\s\S]*?)\2/gm,
    (_whole, start: string, quote: string, value: string) => start + quote + quote + value.replace(/[^\n]/g, ''),
  )
}

/** Returns what is wrong with a line, as the end of a sentence, or undefined. */
function findProblem(line: string): string | undefined {
  if (/^\s*(#.*)?$/.test(line)) return undefined
  const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line) ?? []
  if (!name) {
    const likely = /^\s*(?:export\s+)?(\w+)/.exec(line)?.[1] ?? 'NAME'
    return `is not a setting. Write ${likely}=value, with an equals sign.`
  }
  if (/^(["'`])\1\s*(#.*)?$/.test(value)) return undefined
  if (/^(["'`])\1/.test(value))
    return `has text after the quoted value of ${name}. Put the whole value in one pair of quotes.`
  if (/^["'`]/.test(value)) return `has an unclosed quote in the value of ${name}. Close it.`
  if (/[^\s]#/.test(value))
    return `has a # in the value of ${name}, which would cut the value off. Put the value in quotes.`
  return undefined
}
