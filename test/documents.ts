import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { marked, type Token } from 'marked'

export const root = join(import.meta.dirname, '..')

/** A document as its reader sees it. `path` begins at the root of the repository. */
export type Document = { path: string; tokens: Token[] }

/** Every document of the repository. */
export function allDocuments(): Document[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort().map(document)
}

export function document(path: string): Document {
  return { path: path.replaceAll('\\', '/'), tokens: marked.lexer(readFileSync(join(root, path), 'utf8')) }
}

/** All tokens of a type, such as `link` or `codespan`, also those inside of others. */
export function tokensOf({ tokens }: Document, type: Token['type']): Token[] {
  const found: Token[] = []
  marked.walkTokens(tokens, (token) => {
    if (token.type === type) found.push(token)
  })
  return found
}

/** The text of the fenced block that begins with these words, such as "bash session". Throws where there is none. */
export function blockOf(from: Document, info: string): string {
  for (const token of tokensOf(from, 'code')) {
    if ('lang' in token && token.lang === info) return String(token.text)
  }
  throw new Error(`${from.path} has no block that begins with \`\`\`${info}`)
}

/** The rows of the table below a heading, its cells without markup. Throws where there is none. */
export function tableUnder({ path, tokens }: Document, heading: string): string[][] {
  const start = tokens.findIndex((token) => token.type === 'heading' && 'text' in token && token.text === heading)
  const table = start < 0 ? undefined : tokens.slice(start).find((token) => token.type === 'table')
  if (table?.type !== 'table') throw new Error(`${path} has no table under the heading "${heading}"`)
  const rows: { text: string }[][] = table['rows']
  return rows.map((row) => row.map((cell) => cell.text.replaceAll(/[`*]/g, '').trim()))
}
