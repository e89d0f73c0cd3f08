import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import chromium from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

export const remoteHost = 'movies.test'

/** Starts Chromium. One is enough for a test file: a new context is as good as a new browser. */
export async function startBrowser(): Promise<Browser> {
  const folder = await unpackBrowser()
  return playwright.launch({
    executablePath: join(folder, 'chromium'),
    // A host that is reached over plain http and is not this machine, as far as the browser knows.
    args: ['--disable-gpu', `--host-resolver-rules=MAP ${remoteHost} 127.0.0.1`],
    env: { ...process.env, FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  })
}

/** For scripts that Chromium's own fonts lack. */
const fonts = ['Arabic', 'Devanagari'].flatMap((script) =>
  ['400Regular', '600SemiBold'].map(
    (weight) => `@expo-google-fonts/noto-sans-${script.toLowerCase()}/${weight}/NotoSans${script}_${weight}.ttf`,
  ),
)

/** Returns the folder of the unpacked browser, moved into place in one step because test files start concurrently. */
async function unpackBrowser(): Promise<string> {
  const place = join(tmpdir(), `movie-bag-chromium-${version()}-with-fonts`)
  if (existsSync(place)) return place
  const before = process.env['TMPDIR']
  const made = mkdtempSync(`${place}-`)
  process.env['TMPDIR'] = made
  try {
    await chromium.executablePath()
    for (const font of fonts)
      copyFileSync(fileURLToPath(import.meta.resolve(font)), join(made, 'fonts', basename(font)))
    writeFileSync(join(made, 'fonts.conf'), fontConfig(place))
    renameSync(made, place)
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    if (!existsSync(place)) throw error
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  return place
}

function version(): string {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  const file = join(entry, '../../../package.json')
  const { version: found }: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
  return found
}

/** The same fonts on every machine. */
function fontConfig(place: string): string {
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${place}/fonts</dir><cachedir>${place}/fonts-cache</cachedir></fontconfig>`
}
