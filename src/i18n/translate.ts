import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IntlMessageFormat } from 'intl-messageformat'
import { localesDir, textDirection } from './languages.ts'

type Values = Record<string, unknown>

/** Returns a message of `locales/<locale>.json`, in ICU syntax, with its values filled in. Throws if it has no such key. */
export function translate(locale: string, key: string, values: Values = {}): string {
  return String(messageOf(locale, key).format(isolate(locale, values)))
}

const compiled = new Map<string, IntlMessageFormat>()

/** Parsed once: parsing costs many times what filling in does. */
function messageOf(locale: string, key: string): IntlMessageFormat {
  const id = `${locale} ${key}`
  const known = compiled.get(id)
  if (known) return known
  const text = sentencesOf(locale)[key]
  if (text === undefined) throw new Error(`locales/${locale}.json has no message "${key}".`)
  const message = new IntlMessageFormat(text, locale, undefined, { ignoreTag: true })
  compiled.set(id, message)
  return message
}

/**
 * In a right-to-left language, puts each text between FSI and PDI (UAX 9), so that an e-mail address or a title keeps its
 * own direction and its last bracket stays in place. Numbers stay numbers, for plurals.
 */
function isolate(locale: string, values: Values): Record<string, string | number> {
  const isMixed = textDirection(locale) === 'rtl'
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value === 'number') return [name, value]
      return [name, isMixed ? `\u2068${value}\u2069` : String(value)]
    }),
  )
}

export function hasMessage(locale: string, key: string): boolean {
  return key in sentencesOf(locale)
}

const sentences = new Map<string, Record<string, string>>()

function sentencesOf(locale: string): Record<string, string> {
  const known = sentences.get(locale)
  if (known) return known
  const read: Record<string, string> = JSON.parse(readFileSync(join(localesDir, `${locale}.json`), 'utf8'))
  sentences.set(locale, read)
  return read
}

const byLocale = new Map<string, ReturnType<typeof makeFormatters>>()

/** Made once for each locale: each holds some 26 kB outside the JavaScript heap, which nothing presses V8 to free. */
function formatters(locale: string) {
  const known = byLocale.get(locale)
  if (known) return known
  const made = makeFormatters(locale)
  byLocale.set(locale, made)
  return made
}

function makeFormatters(locale: string) {
  return {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }),
    time: new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: 'UTC' }),
    duration: new Intl.DurationFormat(locale, { style: 'long' }),
  }
}

/** Formats a moment for a reader, in UTC. */
export function formatDate(locale: string, at: Date): string {
  const { date, time } = formatters(locale)
  return translate(locale, 'moment', { date: date.format(at), time: time.format(at) })
}

/** A device, as `deviceOf` finds it: "Firefox on Windows", or one of the two. */
export function formatDevice(locale: string, device: string): string {
  const [browser, system] = device.split(' on ')
  return system ? translate(locale, 'device', { browser, system }) : device
}

/** A length of time in the largest unit that measures it without a rest. */
export function formatDuration(locale: string, ms: number): string {
  const seconds = Math.round(ms / 1000)
  const format = formatters(locale).duration
  if (seconds % 3600 === 0) return format.format({ hours: seconds / 3600 })
  return format.format(seconds % 60 === 0 ? { minutes: seconds / 60 } : { seconds })
}
