import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import chromium from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

/** Starts the browser from npm. One serves a whole test file: a context of it is as good as a new one. */
export async function startBrowser(): Promise<Browser> {
  const folder = await unpacked()
  return playwright.launch({
    executablePath: join(folder, 'chromium'),
    args: ['--disable-gpu'],
    env: { ...process.env, FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  })
}

/** For scripts that the browser's own do not have. */
const fonts = ['Arabic', 'Devanagari'].flatMap((script) =>
  ['400Regular', '600SemiBold'].map(
    (weight) => `@expo-google-fonts/noto-sans-${script.toLowerCase()}/${weight}/NotoSans${script}_${weight}.ttf`,
  ),
)

/** The folder of the unpacked browser. It is moved into its place whole, for several test files may start at once. */
async function unpacked(): Promise<string> {
  const place = join(tmpdir(), `movie-bag-chromium-${version()}-with-fonts`)
  if (existsSync(place)) return place
  const before = process.env['TMPDIR']
  const made = mkdtempSync(`${place}-`)
  process.env['TMPDIR'] = made
  try {
    await chromium.executablePath()
    for (const font of fonts)
      copyFileSync(fileURLToPath(import.meta.resolve(font)), join(made, 'fonts', basename(font)))
    writeFileSync(join(made, 'fonts.conf'), fontsIn(place))
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
function fontsIn(place: string): string {
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${place}/fonts</dir><cachedir>${place}/fonts-cache</cachedir></fontconfig>`
}
