import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import { translate } from '../i18n/translate.ts'
import { checkMailTemplates } from './check-templates.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-templates-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a template in TEMPLATES_DIR overrides ours, and the others stay', async (t) => {
  const own = templates({ 'email/reset-password.txt': 'Dear {{ email }},\n\n{{ url }}\n\nYours, the projectionist\n' })
  const bag = await startMovieBag({ TEMPLATES_DIR: own })
  t.after(() => bag.stop())
  const ada = await signUp(bag, 'ada')
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const token = await bag.smtp.tokenFor(ada.email)
  const { text, html, subject } = await bag.smtp.mailTo(ada.email)
  assert.match(text ?? '', /^Dear ada@example\.org,\n\nhttp:.*\n\nYours, the projectionist/)
  assert.match(html || '', /Best regards,.*Movie-bag Support Team/s)
  assert.equal(subject, '[Movie-bag] Reset Your Password')

  await bag.request('POST', '/api/auth/reset', { reset_token: token, password: 'a new and long password' })
  const confirmation = await bag.smtp.mailTo(ada.email, 2)
  assert(confirmation.text?.includes(translate('en', 'mail.password-reset-successful.done', { email: ada.email })))
})

test('a frame in TEMPLATES_DIR applies to every mail', async () => {
  await checkMailTemplates({ templatesDir: templates({ 'email/frame.txt': frame }), defaultLocale: 'en' })
})

test('an empty TEMPLATES_DIR is allowed', async () => {
  await checkMailTemplates({ templatesDir: templates({}), defaultLocale: 'en' })
})

const frame = "{% block content %}{% endblock %}\n{{ 'mail.signature.name' | t }}\n"

for (const [what, name, content, message] of [
  ['with an unclosed tag', 'reset-password.html', '{% if email %}{{ url }}', /tag \{% if email %\} not closed/],
  ['with an undefined variable', 'reset-password.txt', '{{ url }} {{ adress }}', /undefined variable: adress/],
  [
    'with an undefined variable in a branch',
    'reset-password.txt',
    "{{ url }}{% if email == '' %}{{ name }}{% endif %}",
    /uses \{\{ name \}\}, but its only values are email, url/,
  ],
  ['with an unknown filter', 'reset-password.txt', '{{ url | shorten }}', /undefined filter: shorten/],
  ['with an unknown message key', 'reset-password.txt', "{{ url }} {{ 'mail.bye' | t }}", /has no message "mail\.bye"/],
  ['with a missing partial', 'reset-password.txt', "{{ url }} {% render 'footer' %}", /Failed to lookup "footer"/],
  [
    'without the link',
    'reset-password.txt',
    'Ask us for the link, {{ email }}.',
    /the .txt or the .html file of "reset-password" does not contain \{\{ url \}\}/,
  ],
] as const) {
  test(`a mail template ${what} stops the start with one line`, async () => {
    const { code, stderr } = await startWith(templates({ [`email/${name}`]: content }))
    assert.equal(code, 1)
    assert.match(stderr, /^movie-bag: A mail template in TEMPLATES_DIR is invalid: [^\n]*\n$/)
    assert.match(stderr, message)
  })
}

function templates(files: Record<string, string>): string {
  const own = mkdtempSync(join(folder, 'own-'))
  mkdirSync(join(own, 'email'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(own, name), content)
  return own
}

async function startWith(templatesDir: string): Promise<{ code: unknown; stderr: string }> {
  const main = join(import.meta.dirname, '../cli/main.ts')
  const env = {
    ENV_FILE_LOCATION: join(import.meta.dirname, '../../test/empty.env'),
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
    MAIL_SERVER: '127.0.0.1',
    TEMPLATES_DIR: templatesDir,
  }
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const [code] = await once(child, 'close')
  return { code, stderr }
}
