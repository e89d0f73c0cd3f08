import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IntlMessageFormat } from 'intl-messageformat'
import type en from '../../locales/en.json'
import { localesDir, textDirection } from './languages.ts'

/** The key of a message. Every locale file has the keys of the English one. */
export type MessageKey = keyof typeof en

/** The rest of each key that begins with `Prefix`, for templates that append it to the prefix. */
export type KeyAfter<Prefix extends string, Key = MessageKey> = Key extends `${Prefix}${infer Rest}` ? Rest : never

export type MessageValues = Record<string, unknown>

/** Returns a message of `locales/<locale>.json`, which is in ICU syntax, with its values filled in. */
export function translate(locale: string, key: MessageKey, values: MessageValues = {}): string {
  return String(compileMessage(locale, key).format(isolateValues(locale, values)))
}

/** Returns whether a text, such as one in a template, is the key of a message. */
export function isMessageKey(text: string): text is MessageKey {
  return text in readMessages('en')
}

const compiled = new Map<string, IntlMessageFormat>()

/** Compiles each message once, because compiling costs far more than filling in the values. */
function compileMessage(locale: string, key: MessageKey): IntlMessageFormat {
  const id = `${locale} ${key}`
  const known = compiled.get(id)
  if (known) return known
  const text = readMessages(locale)[key]
  if (text === undefined) throw new Error(`locales/${locale}.json has no message "${key}".`)
  const message = new IntlMessageFormat(text, locale, undefined, { ignoreTag: true })
  compiled.set(id, message)
  return message
}

/**
 * In a right-to-left language, puts each text between FSI and PDI (UAX 9), so that an email address or a title keeps its
 * own direction and its last bracket stays in place. Numbers stay numbers, for plurals.
 */
function isolateValues(locale: string, values: MessageValues): Record<string, string | number> {
  const isMixed = textDirection(locale) === 'rtl'
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value === 'number') return [name, value]
      return [name, isMixed ? `\u2068${value}\u2069` : String(value)]
    }),
  )
}

const messagesByLocale = new Map<string, Record<string, string>>()

function readMessages(locale: string): Record<string, string> {
  const known = messagesByLocale.get(locale)
  if (known) return known
  const messages: Record<string, string> = JSON.parse(readFileSync(join(localesDir, `${locale}.json`), 'utf8'))
  messagesByLocale.set(locale, messages)
  return messages
}
