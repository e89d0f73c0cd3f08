import { type Context, Liquid } from 'liquidjs'
import { type Device, formatDate, formatDevice, formatDuration } from './format.ts'
import { isMessageKey, translate } from './translate.ts'

/** Creates the template engine of mails and pages. HTML is escaped; filters use the language of the variable `locale`. */
export function templateEngine(folders: string[], extension: '.html' | '.txt'): Liquid {
  const engine = new Liquid({
    root: folders,
    layouts: folders,
    partials: folders,
    extname: extension,
    cache: true,
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    ownPropertyOnly: true,
    ...(extension === '.html' && { outputEscape: 'escape' }),
  })
  addFilters(engine)
  return engine
}

function addFilters(engine: Liquid): void {
  engine.registerFilter('t', function (key: string, ...values: [string, unknown][]) {
    if (!isMessageKey(key)) throw new Error(`locales/en.json has no message "${key}"`)
    return translate(readLocale(this.context), key, Object.fromEntries(values))
  })
  engine.registerFilter('date_in_words', function (at: Date | null) {
    return at ? formatDate(readLocale(this.context), at) : ''
  })
  engine.registerFilter('duration_in_words', function (ms: number) {
    return formatDuration(readLocale(this.context), ms)
  })
  engine.registerFilter('device_in_words', function (device: Device) {
    return formatDevice(readLocale(this.context), device)
  })
}

function readLocale(context: Context): string {
  return String(context.getSync(['locale']))
}
