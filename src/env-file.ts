import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { StartError } from './errors.ts'

/**
 * The settings in an environment file. Without a `location`, `.env` is read where there is one. Throws a `StartError`
 * for a named file that cannot be read, and for a line that `parseEnv` would drop without a word.
 */
export function readEnvFile(location: string | undefined): NodeJS.Dict<string> {
  const text = fileText(location)
  const odd = withoutQuotedLines(text)
    .split(/\r?\n/)
    .findIndex((line) => !/^\s*(#.*|(export\s+)?[A-Za-z_]\w*\s*=.*)?$/.test(line))
  if (odd === -1) return parseEnv(text)
  const name = /^\s*(\w+)/.exec(text.split(/\r?\n/)[odd] ?? '')?.[1] ?? 'NAME'
  throw new StartError(
    `Line ${odd + 1} of ${location ?? '.env'} is not a setting: write ${name}=value, with an equals sign.`,
  )
}

function fileText(location: string | undefined): string {
  try {
    return readFileSync(location || '.env', 'utf8')
  } catch (error) {
    if (!location) return ''
    throw new StartError(`ENV_FILE_LOCATION is ${location}, which cannot be read: ${String(error)}`)
  }
}

/** Values in quotes may span lines; those lines are blanked, so that the count of lines stays. */
function withoutQuotedLines(text: string): string {
  return text.replace(/(=\s*)(["'`])([\s\S]*?)\2/g, (_whole, equals: string, _quote, value: string) => {
    return equals + value.replace(/[^\n]/g, '')
  })
}
