import { translate } from './translate.ts'

/** Formats a date and time for a reader, in UTC. */
export function formatDate(locale: string, at: Date): string {
  const { date, time } = formatters(locale)
  return translate(locale, 'moment', { date: date.format(at), time: time.format(at) })
}

/** Formats a length of time in the largest unit that leaves no remainder. */
export function formatDuration(locale: string, ms: number): string {
  const seconds = Math.round(ms / 1000)
  const { duration } = formatters(locale)
  if (seconds % 3600 === 0) return duration.format({ hours: seconds / 3600 })
  return duration.format(seconds % 60 === 0 ? { minutes: seconds / 60 } : { seconds })
}

/** The approximate device that sent a request, as far as it is known. */
export type Device = { browser?: string; system?: string }

/** Formats a device for a reader, as '' if nothing is known of it. */
export function formatDevice(locale: string, { browser, system }: Device): string {
  if (browser && system) return translate(locale, 'device', { browser, system })
  return browser ?? system ?? ''
}

/** Formats a device for the API, always in English: "Firefox on Windows", or '' if nothing is known of it. */
export function deviceText({ browser, system }: Device): string {
  return [browser, system].filter((name) => name !== undefined).join(' on ')
}

type Formatters = ReturnType<typeof createFormatters>

const formattersByLocale = new Map<string, Formatters>()

/** Creates them once per locale: each holds about 26 kB outside the JavaScript heap, which V8 frees late. */
function formatters(locale: string): Formatters {
  const known = formattersByLocale.get(locale)
  if (known) return known
  const created = createFormatters(locale)
  formattersByLocale.set(locale, created)
  return created
}

function createFormatters(locale: string) {
  return {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }),
    time: new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: 'UTC' }),
    duration: new Intl.DurationFormat(locale, { style: 'long' }),
  }
}
