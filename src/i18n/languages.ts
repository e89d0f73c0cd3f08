import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** One file for each language, with every sentence of mails and pages. */
export const localesDir = join(import.meta.dirname, '../../locales')

/** The languages of mails and pages, by their codes. */
export const languages: string[] = readdirSync(localesDir)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'))
  .sort()

/** The language of this code, where it is one of ours. */
export function toLanguage(code: string | null | undefined): string | undefined {
  return languages.find((language) => language === code)
}

const directions = new Map(
  languages.map((language) => [language, new Intl.Locale(language).getTextInfo().direction === 'rtl' ? 'rtl' : 'ltr']),
)

/** Returns the direction in which a language is written. */
export function textDirection(language: string): 'ltr' | 'rtl' {
  return directions.get(language) === 'rtl' ? 'rtl' : 'ltr'
}

const names = new Map(languages.map((language) => [language, nameInItself(language)]))

/** Returns the language's own name, such as "Deutsch", because people look for the name they know. */
export function languageName(language: string): string {
  return names.get(language) ?? language
}

function nameInItself(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1)
}
