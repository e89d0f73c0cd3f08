import type { Mutant } from './mutant.ts'

type Fault = [find: string, replace: string]

/** Faults in one file that the same tests must notice. */
function faultsIn(file: string, tests: string[], faults: Fault[]): Mutant[] {
  return faults.map(([find, replace]) => ({ file, find, replace, tests }))
}

const recovery = 'src/recovery'
const accounts = 'src/accounts'

export const mutants: Mutant[] = [
  // The link works once, for its time, and ends the others.
  ...faultsIn(
    `${recovery}/reset-link.ts`,
    [`${recovery}/reset-password.test.ts`],
    [['and ended_at is null and expires_at > now()', 'and expires_at > now()']],
  ),
  ...faultsIn(
    `${recovery}/reset-link.ts`,
    [`${recovery}/reset-link.test.ts`],
    [
      ["case when expires_at > now() then 'live' else 'expired' end", "'live'"],
      ['limit 3)', 'limit 4)'],
      ['limit 3)', 'limit 2)'],
      ["ended_as = 'replaced'", "ended_as = 'cancelled'"],
      ['if (spent) await cancelResetLinks(tx, spent.accountId)', ''],
      ['select ${hashOfToken(token)}, id', 'select ${Buffer.from(token)}, id'],
      ["${link.ttlMs} * interval '1 millisecond'", "${link.ttlMs} * interval '2 milliseconds'"],
    ],
  ),
  ...faultsIn(
    `${accounts}/mail-token.ts`,
    [`${recovery}/reset-link.test.ts`],
    [
      ['(?![\\p{L}\\p{N}])', ''],
      ['/iu', '/u'],
      ['[\\s<("\']*', ''],
    ],
  ),
  ...faultsIn(
    `${recovery}/reset-password.ts`,
    [`${recovery}/reset-link.test.ts`],
    [
      ['endedSecondsAgo > 15 * 60', 'endedSecondsAgo > 15 * 6000'],
      ['return isPasswordOf(account?.passwordHash, password)', 'return true'],
      ["if (link?.state === 'used' && (await isRepetition(db, link, password))) return", ''],
      ["if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Ask for a new mail.')", ''],
      ['checkPassword(attempt.password, { email: link.email, minLength: config.minPasswordLength })', ''],
    ],
  ),
  ...faultsIn(
    `${recovery}/reset-password.ts`,
    [`${recovery}/reset-password.test.ts`],
    [
      ['await endSessions(tx, spent.accountId)', ''],
      ['await setPassword(tx, spent.accountId, passwordHash)', ''],
      ["kind: 'password-reset-successful'", "kind: 'password-changed'"],
    ],
  ),

  // Asking tells nothing, changes nothing, and floods nobody.
  ...faultsIn(
    `${recovery}/forgot-password.ts`,
    [`${recovery}/forgot-password.test.ts`],
    [["if (config.accountPrivacy === 'reveal') ", '']],
  ),
  ...faultsIn(
    `${recovery}/cool-down.ts`,
    [`${recovery}/forgot-password.test.ts`],
    [
      ['return mails?.tooSoon ?? false', 'return false'],
      ['>= 5', '>= 6'],
      ['least(60, ', 'least(120, '],
      ['closed_at <= clock_timestamp()', 'closed_at <= now()'],
      ['2 ^ (', '1 ^ ('],
      ["bool_or(state <> 'sent')", 'false'],
      ["ended_as = 'used'", "ended_as = 'replaced'"],
    ],
  ),
  ...faultsIn(
    `${recovery}/messages.ts`,
    [`${recovery}/forgot-password.test.ts`],
    [
      ["if (await isTooSoon(tx, accountId)) return { state: 'too soon' }", ''],
      ['return { to: account.email, message', 'return { to: mail.address ?? account.email, message'],
      ['url: `${config.publicUrl}/reset/', 'url: `http://${config.host}:${config.port}/reset/'],
    ],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    [`${recovery}/forgot-password.test.ts`],
    [['email_canonical = ${canonical} for update', 'email_canonical = ${canonical}']],
  ),

  // Passwords and addresses.
  ...faultsIn(
    `${accounts}/password.ts`,
    [`${accounts}/password.test.ts`],
    [
      ["hash(password.normalize('NFC'), parameters)", 'hash(password, parameters)'],
      ["verify(passwordHash, password.normalize('NFC'))", 'verify(passwordHash, password)'],
      ['const longest = 256', 'const longest = 255'],
      ['if (length < min)', 'if (length <= min)'],
      ['list.slice(0, 10_000)', 'list.slice(0, 10)'],
      ['if (lower === email.toLowerCase())', 'if (lower === email)'],
      ["=== 'moviebag'", "=== 'movie-bag'"],
    ],
  ),
  ...faultsIn(
    `${accounts}/password.ts`,
    [`${accounts}/log-in.test.ts`],
    [['return matches && Boolean(passwordHash)', 'return Boolean(passwordHash)']],
  ),
  ...faultsIn(
    `${accounts}/email-address.ts`,
    [`${accounts}/email-address.test.ts`],
    [
      ["return lower.normalize('NFKC').toLowerCase() === lower", 'return true'],
      ['text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())', 'text'],
      ['text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())', "text.normalize('NFKC').toLowerCase()"],
    ],
  ),

  // Logging in, and the tokens of sessions.
  ...faultsIn(
    `${accounts}/log-in.ts`,
    [`${accounts}/log-in.test.ts`],
    [
      ['if (!account?.passwordHash || !isRight)', 'if (!account?.passwordHash)'],
      ['body: Type.Object({ email', 'body: body({ email'],
    ],
  ),
  ...faultsIn(
    `${accounts}/session.ts`,
    [`${accounts}/access-token.test.ts`],
    [
      ['where sessions.id = ${named.id} and ended_at is null', 'where sessions.id = ${named.id}'],
      ['ended_at is null and expires_at > now()\n      and', 'ended_at is null\n      and'],
      ['\n      and ${named.until}::float8 > extract(epoch from now())', ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/access-token.ts`,
    [`${accounts}/access-token.test.ts`],
    [
      ["    typ: 'at+jwt',\n", ''],
      ["    audience: 'movie-bag',\n", ''],
      ["    issuer: 'movie-bag',\n", ''],
      ["'exp', 'iat'", "'exp'"],
    ],
  ),
  ...faultsIn(
    `${accounts}/export-account.ts`,
    [`${accounts}/export-account.test.ts`],
    [
      ['where added_by = ${accountId} and id > ${after}', 'where id > ${after}'],
      ['limit 100`)', 'limit 1000000`)'],
    ],
  ),
  ...faultsIn(
    `${accounts}/messages.ts`,
    [`${accounts}/account-limits.test.ts`],
    [
      ["if (!(await may(mail, account.email))) return { state: 'too soon' }", ''],
      ["if (!(await may(mail, email))) return { state: 'too soon' }", ''],
      ["'unverified' in mail.params && ", ''],
      ["if ('unverified' in mail.params && ", 'if (false && '],
    ],
  ),
  ...faultsIn(
    `${recovery}/not-me.ts`,
    ['test/attacks.test.ts'],
    [["await comeBackTo(tx, accountId, params['email'] ?? '', client.device)", '']],
  ),
  ...faultsIn(
    `${accounts}/address-change.ts`,
    ['test/attacks.test.ts'],
    [["await cancelActionLinks(tx, accountId, ['not-me-change'])", '']],
  ),

  // Movies belong to who added them.
  ...faultsIn(
    'src/movies/change-movie.ts',
    ['src/movies/movies.test.ts'],
    [
      [' and added_by = ${accountId}', ''],
      ["throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error", 'throw error'],
      ["'year' in fields", 'false'],
    ],
  ),
  ...faultsIn('src/movies/delete-movie.ts', ['src/movies/movies.test.ts'], [[' and added_by = ${accountId}', '']]),
  ...faultsIn(
    'src/movies/restore-movie.ts',
    ['src/pages/movie-pages.test.ts'],
    [
      [
        "and added_by = ${accountId} and deleted_at > now() - interval '1 minute'`)",
        "and deleted_at > now() - interval '1 minute'`)",
      ],
      [
        "and added_by = ${accountId} and deleted_at > now() - interval '1 minute'\n",
        "and deleted_at > now() - interval '1 minute'\n",
      ],
      ["${accountId} and deleted_at > now() - interval '1 minute'\n", '${accountId}\n'],
      ["throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error", 'throw error'],
    ],
  ),
  ...faultsIn(
    'src/pages/movie-form-page.ts',
    ['src/pages/movie-pages.test.ts'],
    [
      ['movie.added_by !== ownVisitor(request).accountId', 'false'],
      ["if (!isValid(fields)) throw invalid('body', isValid.errors ?? [])", 'isValid(fields)'],
    ],
  ),
  ...faultsIn(
    'src/pages/pages.ts',
    ['src/pages/movie-pages.test.ts'],
    [
      [
        'app.register(signUpPages, dependencies)',
        'await app.register(compress, compression)\n  app.register(signUpPages, dependencies)',
      ],
    ],
  ),
  ...faultsIn('src/movies/list-movies.ts', ['src/movies/list-movies.test.ts'], [['maximum: 100, ', '']]),
  ...faultsIn(
    'src/movies/search.ts',
    ['src/movies/list-movies.test.ts'],
    [
      ["where id > ${start?.id ?? '0'}", "where id >= ${start?.id ?? '0'}"],
      ['inOrderOfArrival(db, start, limit + 1)', 'inOrderOfArrival(db, start, limit)'],
    ],
  ),
  ...faultsIn(
    'src/movies/search.ts',
    ['src/movies/search.test.ts'],
    [
      ['sql`added_by = ${added_by}`', 'sql`true`'],
      ["raw(isDown ? '<' : '>')", "raw('>')"],
      ['[...containing, sql`not ${beginsSo}`]', 'containing'],
      ['select folded(${q}) as q', 'select ${q}::text as q'],
      ['bounded(5,', 'bounded(50,'],
      ['requireFewWords(words)\n  const rows', 'const rows'],
    ],
  ),
  ...faultsIn(
    'src/pages/pages.ts',
    ['src/pages/mail-previews.test.ts'],
    [['if (!dependencies.config.production) app.register(mailPreviews', 'app.register(mailPreviews']],
  ),
  ...faultsIn(
    'src/movies/typos.ts',
    ['src/movies/search.test.ts'],
    [
      ['isSlip && slips <= mostSlips ? await nearest(tx, word) : word', 'word'],
      ['const mostSlips = 3', 'const mostSlips = 4'],
      ['if (length <= 8)', 'if (length <= 0)'],
      ['${wordEnd})', "'\\\\W+')"],
      [' || length > 255', ''],
    ],
  ),
  ...faultsIn('src/movies/words.ts', ['src/movies/search.test.ts'], [["text.replace(/[\\\\%_]/g, '\\\\$&')", 'text']]),
  ...faultsIn('src/movies/cursor.ts', ['src/movies/search.test.ts'], [['order === sort && ', '']]),
  ...faultsIn(
    'migrations/0001-accounts-movies-mail.sql',
    ['src/movies/movies.test.ts'],
    [['unique nulls not distinct (name, year)', 'unique (name, year)']],
  ),

  // What is answered, and what is taken.
  ...faultsIn(
    'src/errors.ts',
    ['src/http/errors.test.ts', `${recovery}/reset-link.test.ts`],
    [['BadTokenError: { status: 403', 'BadTokenError: { status: 400']],
  ),
  ...faultsIn(
    'src/http/validation.ts',
    ['src/http/bodies.test.ts'],
    [
      ['coerceTypes: false', 'coerceTypes: true'],
      ['removeAdditional: false', 'removeAdditional: true'],
      ['allErrors: true', 'allErrors: false'],
    ],
  ),
  ...faultsIn(
    'src/http/requests.ts',
    ['src/http/bodies.test.ts'],
    [
      ["getDefaultJsonParser('error', 'error')", "getDefaultJsonParser('ignore', 'ignore')"],
      ['if (isUtf8(content)) ', ''],
      ['if (content.length === 0) return done(null, undefined)', ''],
    ],
  ),
  ...faultsIn(
    'src/http/requests.ts',
    ['src/http/garbage.test.ts'],
    [
      ['count <= 16', 'count <= 15'],
      ['count <= 16', 'count <= 60'],
      ['?? 0) - 1', '?? 0)'],
      ['reply.hijack()\n  socket.destroy()\n  return true', 'socket.destroy()\n  return false'],
      ['  socket.destroy()\n', ''],
    ],
  ),
  ...faultsIn(
    'src/http/error-handler.ts',
    ['src/http/garbage.test.ts'],
    [['setTimeout(() => socket.destroy(), 1000).unref()', '']],
  ),
  ...faultsIn('src/app.ts', ['src/http/garbage.test.ts'], [['isOneTooMany(reply) || ', '']]),
  ...faultsIn('src/app.ts', ['src/http/bodies.test.ts'], [['bodyLimit: 100_000', 'bodyLimit: 1_000_000']]),
  ...faultsIn(
    'src/http/security-headers.ts',
    ['src/http/headers.test.ts'],
    [
      ["'referrer-policy': 'no-referrer'", "'referrer-policy': 'origin'"],
      ["'x-content-type-options': 'nosniff',", ''],
    ],
  ),

  // Mail is neither lost nor doubled, and carries nothing that a stranger typed.
  ...faultsIn(
    'src/mail/delivery.ts',
    ['src/mail/refusals.test.ts'],
    [
      ["return verdict === 'never' ? { state: 'failed', reply } : putOff(mail, reply)", 'return putOff(mail, reply)'],
      [
        "return verdict === 'never' ? { state: 'failed', reply } : putOff(mail, reply)",
        "return { state: 'failed', reply }",
      ],
    ],
  ),
  ...faultsIn(
    'src/mail/smtp.ts',
    ['src/mail/refusals.test.ts'],
    [
      [
        "if (command === 'MAIL FROM') return { verdict: 'later'",
        "if (command === 'MAIL FROM') return { verdict: 'never'",
      ],
      ['messageId: `<${id}@${domain}>`,', ''],
    ],
  ),
  ...faultsIn(
    'src/mail/smtp.ts',
    [`${recovery}/reset-mail.test.ts`],
    [["headers: { 'Auto-Submitted': 'auto-generated' },", '']],
  ),
  ...faultsIn(
    'src/mail/render.ts',
    [`${recovery}/reset-mail.test.ts`],
    [["...(extension === '.html' && { outputEscape: 'escape' }),", '']],
  ),
  ...faultsIn(
    'src/account-settings/mails.ts',
    ['src/pages/languages.test.ts'],
    [
      [
        'knownLanguage(account?.locale) ?? knownLanguage(locale)',
        'knownLanguage(locale) ?? knownLanguage(account?.locale)',
      ],
      ['knownLanguage(account?.locale) ??', 'account?.locale ??'],
    ],
  ),
  ...faultsIn('src/http/client.ts', ['src/pages/languages.test.ts'], [[".replace(/(^|,)\\s*\\*[^,]*/g, '')", '']]),
  ...faultsIn(
    'src/pages/render.ts',
    ['src/pages/languages.test.ts'],
    [
      ['knownLanguage(request.visitor?.locale) ??', ''],
      ["vary: 'accept-language',", ''],
    ],
  ),
  ...faultsIn(
    'templates/email/reset-password.txt',
    [`${recovery}/reset-mail.test.ts`],
    [['\n{{ url }}\n', '\nThe link: {{ url }}\n']],
  ),
  ...faultsIn(
    'src/mail/health.ts',
    ['src/mail/health.test.ts'],
    [
      ['>= 3\n        as', '>= 1\n        as'],
      ['attempts >= 3 and address is null', 'attempts >= 3'],
      [' and passed.address is null', ''],
      ['if (told) return `', 'if (told && (await db.query(sql`select from outbox`))) return `'],
    ],
  ),
  ...faultsIn(
    'src/mail/local-inbox/thread.ts',
    ['src/mail/local-inbox/local-inbox.test.ts'],
    [
      ['return isLocal && (', 'return ('],
      ['(origin === undefined || origin === `http://${host}`)', 'true'],
    ],
  ),

  // Guesses are counted, and a lock bars neither the owner's browser nor the way back in.
  ...faultsIn(
    `${accounts}/failed-logins.ts`,
    [`${accounts}/failed-logins.test.ts`],
    [
      ['points: 100,', 'points: 101,'],
      ['if (knownBrowser) hash.update(knownBrowser)', ''],
      ['return await attempt(isAllowed)', 'return await attempt(true)'],
      ['if (!isVerdict(error)) await takeBack(db, prefix, key).catch(() => {})', ''],
      ['error instanceof AppError && error.status < 500', 'error instanceof AppError'],
      ['if (account) await clearFailures(tx, failuresKey(account.canonical, null))', ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/failed-logins.ts`,
    [`${accounts}/change-password.test.ts`],
    [['  await clearFailures(tx, confirmationsKey(accountId))', '']],
  ),
  ...faultsIn(
    `${accounts}/log-in.ts`,
    [`${accounts}/failed-logins.test.ts`],
    [
      ['account?.knowsBrowser ? browser : null', 'browser'],
      ['isAllowed ? account?.passwordHash : undefined', 'account?.passwordHash'],
      ['await clearFailures(tx, failureKey)', ''],
      [
        "if (request.headers['sec-fetch-site']) await rememberBrowser(tx, account.id, { request, reply, config })\n      return begun\n    })",
        "return begun }).then(async (begun) => { if (begun && request.headers['sec-fetch-site']) await rememberBrowser({ ...db, transactional: true }, account.id, { request, reply, config }); return begun })",
      ],
    ],
  ),
  ...faultsIn(
    `${accounts}/log-in.ts`,
    [`${accounts}/new-device.test.ts`],
    [
      ['if (isNews && ', 'if (false && '],
      ['and device = ${device} and address = ${address}', 'and false'],
    ],
  ),
  ...faultsIn(
    `${recovery}/reset-password.ts`,
    [`${accounts}/failed-logins.test.ts`],
    [
      ['await forgetBrowsers(tx, spent.accountId)', ''],
      ['await clearFailuresOf(tx, spent.accountId)', ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/known-browser.ts`,
    [`${accounts}/failed-logins.test.ts`],
    [
      ["'__Host-movie_bag_browser'", "'movie_bag_browser_s'"],
      ['httpOnly: true,', ''],
    ],
  ),

  // What one account can fill comes to an end.
  ...faultsIn(
    'src/movies/quota.ts',
    [`${accounts}/account-limits.test.ts`],
    [
      ['if (left <= 0)', 'if (left < 0)'],
      ['where added_by = ${accountId} limit', 'limit'],
    ],
  ),
  ...faultsIn(
    `${accounts}/session.ts`,
    [`${accounts}/account-limits.test.ts`],
    [['order by ended_at is null desc, last_used_at desc', 'order by last_used_at desc']],
  ),
  ...faultsIn(
    `${accounts}/log-in.ts`,
    [`${accounts}/account-limits.test.ts`],
    [
      ['  await forgetOldSessions(tx, account.id)\n', ''],
      [" && (await mailsOfLastHour(tx, account.id, 'new-device')) < accountLimits['mails about a new device']", ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/change-address.ts`,
    [`${accounts}/account-limits.test.ts`],
    [["    await requireFewMails(tx, accountId, 'confirm-address')\n", '']],
  ),

  // What needs the password, and what is in flight while the owner takes the account back.
  ...faultsIn(
    `${accounts}/require-password.ts`,
    [`${accounts}/change-address.test.ts`, `${accounts}/delete-account.test.ts`],
    [['and password_hash = ${passwordHash} for update', 'for update']],
  ),
  ...faultsIn(
    `${accounts}/require-password.ts`,
    [`${accounts}/change-password.test.ts`],
    [
      ['isAllowed ? account?.passwordHash : undefined', 'account?.passwordHash'],
      ['if (!passwordHash || !isRight)', 'if (!passwordHash)'],
    ],
  ),
  ...faultsIn(
    `${accounts}/change-password.ts`,
    [`${accounts}/change-password.test.ts`],
    [
      ['and password_hash = ${oldHash}', ''],
      ['await endSessions(tx, accountId, { keep: sessionId })', ''],
      ['await endResetLinks(tx, accountId)', ''],
    ],
  ),
  ...faultsIn(`${accounts}/change-password.ts`, ['test/left-mailbox.test.ts'], [[', pending_email = null', '']]),

  // An address is moved to by who reads its mail, and can be come back from.
  ...faultsIn(
    `${accounts}/change-address.ts`,
    [`${accounts}/change-address.test.ts`],
    [
      ['await endResetLinks(tx, accountId)', ''],
      [' || account?.pending !== email', ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/change-address.ts`,
    ['test/left-mailbox.test.ts'],
    [["await cancelActionLinks(tx, accountId, ['not-me-request'])", '']],
  ),
  ...faultsIn(
    `${accounts}/change-address.ts`,
    [`${recovery}/undo-address.test.ts`],
    [[' || (await isHeldForUndo(tx, canonical, accountId))', '']],
  ),
  ...faultsIn(
    `${accounts}/sign-up.ts`,
    [`${recovery}/undo-address.test.ts`],
    [[' || (await isHeldForUndo(tx, canonical, account.id))', '']],
  ),
  ...faultsIn(
    `${accounts}/address-change.ts`,
    [`${recovery}/undo-address.test.ts`],
    [
      ['changed_at >= (', 'changed_at = ('],
      ['undoTtlMs = 7 *', 'undoTtlMs = 6 *'],
    ],
  ),
  ...faultsIn(
    `${recovery}/undo-address.ts`,
    [`${recovery}/undo-address.test.ts`],
    [['await freezeAndRecover(tx, spent.accountId, client)', '']],
  ),
  ...faultsIn(
    `${recovery}/reset-link.ts`,
    ['test/left-mailbox.test.ts'],
    [['coalesce(reset_links.email_canonical = accounts.email_canonical, true)', 'true']],
  ),
  ...faultsIn(
    `${recovery}/unknown-address.ts`,
    [`${recovery}/unknown-address.test.ts`],
    [
      [' or told.mail_id = ${mailId}', ''],
      ["told.sent_at < now() - ${onceInHours} * interval '1 hour'", 'true'],
    ],
  ),
  ...faultsIn(
    `${recovery}/messages.ts`,
    [`${recovery}/undo-address.test.ts`],
    [
      ['if (change) {', 'if (change && false) {'],
      ['onceInHours: 1 }', 'onceInHours: 0 }'],
    ],
  ),
  ...faultsIn(
    `${accounts}/address-change.ts`,
    ['test/attacks.test.ts'],
    [['changed_at > (select created_at from outbox where id = ${mailId})', 'false']],
  ),

  // "This wasn't me", and links of other purposes.
  ...faultsIn(
    `${recovery}/not-me.ts`,
    [`${recovery}/not-me.test.ts`],
    [
      ['await freeze(tx, accountId)', ''],
      ['await endSessions(tx, accountId)', ''],
      ["now() + interval '1 hour'", "now() + interval '1 second'"],
      ['await forgetBrowsers(tx, accountId)', ''],
      ['  await cancelResetLinks(tx, accountId)\n  await tx.query', '  await tx.query'],
    ],
  ),
  ...faultsIn(
    `${recovery}/cool-down.ts`,
    [`${recovery}/not-me.test.ts`],
    [['(select reset_quiet_until > now() from accounts where id = ${accountId}) is true or ', '']],
  ),
  ...faultsIn(
    `${accounts}/action-link.ts`,
    [`${accounts}/verify-address.test.ts`],
    [
      [
        'and purpose = any(${purposes}) and ended_at is null and expires_at > now()',
        'and ended_at is null and expires_at > now()',
      ],
      [
        'and purpose = any(${purposes}) and ended_at is null and expires_at > now()',
        'and purpose = any(${purposes}) and expires_at > now()',
      ],
    ],
  ),
  ...faultsIn(
    `${accounts}/verify-address.ts`,
    [`${accounts}/verify-address.test.ts`],
    [[" and email = ${spent.params['email'] ?? ''}", '']],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    [`${accounts}/verify-address.test.ts`],
    [[', email_verified_at = coalesce(email_verified_at, now())', '']],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    [`${accounts}/change-address.test.ts`],
    [['pending_email = null, delete_at = null, reset_quiet_until', 'delete_at = null, reset_quiet_until']],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    [`${accounts}/delete-account.test.ts`],
    [['pending_email = null, delete_at = null, reset_quiet_until', 'pending_email = null, reset_quiet_until']],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    [`${accounts}/delete-account.test.ts`],
    [['let isDone = !deleteMovies; ', 'let isDone = false; ']],
  ),
  ...faultsIn(
    `${accounts}/delete-account.ts`,
    [`${accounts}/delete-account.test.ts`],
    [
      ['if (until) await close(', 'if (false) await close('],
      ['await endResetLinks(tx, accountId)', ''],
    ],
  ),
  ...faultsIn(
    `${accounts}/account-history.ts`,
    [`${accounts}/delete-account.test.ts`],
    [['\n    for key share`)', '`)']],
  ),
  ...faultsIn(
    'src/movies/delete-movie.ts',
    [`${accounts}/delete-account.test.ts`],
    [['      for key share of accounts\n', '']],
  ),
  ...faultsIn(
    `${accounts}/verify-address.ts`,
    [`${accounts}/delete-account.test.ts`],
    [['if (!(await lockAccount(tx, accountId))) throw invalidSession()', '']],
  ),
  ...faultsIn(
    `${accounts}/sessions.ts`,
    [`${accounts}/sessions.test.ts`],
    [
      ['where account_id = ${accountId} and ended_at is null', 'where ended_at is null'],
      ['if (ended > 0) await', 'await'],
    ],
  ),
  ...faultsIn(
    `${accounts}/session.ts`,
    [`${accounts}/sessions.test.ts`],
    [
      ['where id = ${id} and account_id = ${accountId} and ended_at is null', 'where id = ${id} and ended_at is null'],
      [' and id is distinct from ${keep ?? null}', ''],
    ],
  ),

  // Limits, forms of other sites, the outbox, and what is deleted.
  ...faultsIn('src/database/database.ts', ['src/http/errors.test.ts'], [['(08|40|53|', '(08|53|']]),
  ...faultsIn('src/http/rate-limit.ts', ['src/http/errors.test.ts'], [['if (isAllowed) return', 'return']]),
  ...faultsIn('src/pages/csrf.ts', ['src/pages/reset-pages.test.ts'], [['if (isOurs) return', 'return']]),
  ...faultsIn(
    'src/pages/local-path.ts',
    ['src/pages/account-pages.test.ts'],
    [
      ["return /^\\/[/\\\\]/.test(path) ? '/' : path", 'return path'],
      ['url?.origin === here', 'url'],
    ],
  ),
  ...faultsIn(
    'src/sessions/cookie.ts',
    ['src/pages/account-pages.test.ts'],
    [
      ['httpOnly: true', 'httpOnly: false'],
      ["'__Host-movie_bag'", "'movie_bag'"],
      ['reply.clearCookie(', 'void ('],
      ['if (request.visitor) return', 'return'],
    ],
  ),
  ...faultsIn(
    'src/pages/log-in-pages.ts',
    ['src/pages/account-pages.test.ts'],
    [['if (request.visitor) await leave(db, request.visitor, deviceOf(request))', '']],
  ),
  ...faultsIn(
    'src/pages/account-pages.ts',
    ['src/pages/account-pages.test.ts'],
    [['{ ...ownVisitor(request), id: request.body.id }', '{ ...ownVisitor(request) }']],
  ),
  ...faultsIn(
    'src/pages/reset-pages.ts',
    ['src/pages/reset-pages.test.ts'],
    [['masked: masked(email)', 'masked: email']],
  ),
  ...faultsIn(
    'src/pages/error-page.ts',
    ['src/pages/account-pages.test.ts'],
    [
      ['if (!isForBrowser(request))', 'if (false)'],
      ['Math.ceil(seconds / 60) * 60', 'seconds'],
      [' && !/^\\/(api|health)\\b/.test(url)', ''],
    ],
  ),
  ...faultsIn(
    'src/mail/outbox.ts',
    ['src/mail/refusals.test.ts'],
    [['attempts = attempts + case when begins_grace_period then 0 else 1 end', 'attempts = attempts']],
  ),
  ...faultsIn(
    'src/mail/outbox.ts',
    ['test/processes.test.ts'],
    [
      ['and (leased_until is null or leased_until < now())', ''],
      ['and (leased_until is null or leased_until < now())', 'and leased_until is null'],
    ],
  ),
  ...faultsIn(
    'src/mail/outbox.ts',
    ['test/clocks.test.ts'],
    [
      ['leased_until is not null and not in_grace_period as', 'false as'],
      ["due_at = least(due_at, now() + case when state = 'queued'", 'due_at = least(due_at, now() + case when false'],
    ],
  ),
  ...faultsIn(`${accounts}/access-token.ts`, ['test/clocks.test.ts'], [['currentDate: new Date(0),', '']]),
  ...faultsIn(`${recovery}/reset-link.ts`, ['test/clocks.test.ts'], [['mail_id = ${link.mailId} desc, ', '']]),
  ...faultsIn(
    `${recovery}/cool-down.ts`,
    ['test/clocks.test.ts'],
    [[' and (closed_at is null or closed_at <= clock_timestamp())', '']],
  ),
  ...faultsIn(
    'src/server/purge.ts',
    ['src/server/purge.test.ts'],
    [
      ["where closed_at < now() - interval '30 days'", "where closed_at < now() - interval '3 days'"],
      ["undo_until < now() - interval '30 days'", 'undo_until < now()'],
      ['.catch((error: unknown) => failures.push(error))', ''],
      ['if (failures.length > 0) throw', 'if (false) throw'],
    ],
  ),
  ...faultsIn(
    `${accounts}/account.ts`,
    ['src/server/purge.test.ts'],
    [['added_by = ${accountId} limit ${batch}', 'added_by = ${accountId}']],
  ),
  ...faultsIn(
    'src/server/purge.ts',
    [`${accounts}/delete-account.test.ts`],
    [['`delete_at <= now()`', '`delete_at is not null`']],
  ),
]
