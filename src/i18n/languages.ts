import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Contains one file per language, with all texts of mails and pages. */
export const localesDir = join(import.meta.dirname, '../../locales')

/** The codes of the languages of mails and pages. */
export const languages: string[] = readdirSync(localesDir)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'))
  .sort()

/** Returns the code if it is one of our languages, or undefined. */
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

const names = new Map(languages.map((language) => [language, nativeName(language)]))

/** Returns the language's own name, such as "Deutsch", because people look for the name they know. */
export function languageName(language: string): string {
  return names.get(language) ?? language
}

function nativeName(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1)
}
