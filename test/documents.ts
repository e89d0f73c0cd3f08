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

/** The rows of all tables in the section with this heading, their cells without markup. Throws where there are none. */
export function rowsUnder({ path, tokens }: Document, heading: string): string[][] {
  const start = tokens.findIndex((token) => token.type === 'heading' && 'text' in token && token.text === heading)
  const [head, ...rest] = tokens.slice(Math.max(start, 0))
  const end = rest.findIndex((token) => depthOf(token) <= depthOf(head))
  const section = start < 0 ? [] : rest.slice(0, end < 0 ? undefined : end)
  const rows = section.flatMap((token): { text: string }[][] => (token.type === 'table' ? token['rows'] : []))
  if (rows.length === 0) throw new Error(`${path} has no table under the heading "${heading}"`)
  return rows.map((row) => row.map((cell) => cell.text.replaceAll(/[`*]/g, '').trim()))
}

/** From 1, the title; text is deeper than any heading. */
function depthOf(token: Token | undefined): number {
  return token?.type === 'heading' && 'depth' in token ? Number(token.depth) : 7
}
