import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { localesDir, textDirection } from './languages.ts'

/** A sentence of `locales/<locale>.json`, with `{name}` replaced by the value of that name. Throws where there is none. */
export function translate(locale: string, key: string, values: Record<string, unknown> = {}): string {
  const found = sentencesOf(locale)[key]
  if (found === undefined) throw new Error(`locales/${locale}.json has no sentence "${key}".`)
  const isMixed = textDirection(locale) === 'rtl'
  return found.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = values[name]
    const text = typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : String(value)
    // Between FSI and PDI (UAX 9) an address or a title keeps its own way, and its last bracket stays where it belongs.
    return isMixed ? `\u2068${text}\u2069` : text
  })
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

/** A moment as a person reads it, in UTC. */
export function formatDate(locale: string, at: Date): string {
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(at)
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: 'UTC' }).format(at)
  return translate(locale, 'moment', { date, time })
}

/** A device, as `deviceOf` finds it: "Firefox on Windows", or one of the two. */
export function formatDevice(locale: string, device: string): string {
  const [browser, system] = device.split(' on ')
  return system ? translate(locale, 'device', { browser, system }) : device
}

/** A length of time in the largest unit that measures it without a rest. */
export function formatDuration(locale: string, ms: number): string {
  const seconds = Math.round(ms / 1000)
  const format = new Intl.DurationFormat(locale, { style: 'long' })
  if (seconds % 3600 === 0) return format.format({ hours: seconds / 3600 })
  return format.format(seconds % 60 === 0 ? { minutes: seconds / 60 } : { seconds })
}
