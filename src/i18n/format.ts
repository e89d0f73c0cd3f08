import { translate } from './translate.ts'

/** Formats a moment for a reader, in UTC. */
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

/** Formats a device that is stored as "Firefox on Windows", or as the browser or the system alone. */
export function formatDevice(locale: string, device: string): string {
  const [browser, system] = device.split(' on ')
  return system ? translate(locale, 'device', { browser, system }) : device
}

type Formatters = ReturnType<typeof createFormatters>

const formattersByLocale = new Map<string, Formatters>()

/** Creates them once per locale: each holds some 26 kB outside the JavaScript heap, which V8 is in no hurry to free. */
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
