import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf, readNames, readSentences, type Sentences } from '../tools/sentences.ts'

const languages = readSentences()
const names = readNames()

test('every language says every sentence, with its placeholders, and somebody asks for each', () => {
  assert.deepEqual(Object.keys(languages), ['ar', 'de', 'en', 'es', 'fr', 'ne'])
  assert.deepEqual(problemsOf(languages, names), [])
})

test('a sentence that is missing, needless, unlike the English one or not asked for is found', () => {
  const lifetime = 'mail.reset-password.lifetime'
  const { [lifetime]: _, ...less } = languages['de'] ?? {}
  const strength = 'page.form.strength'
  const found = (es: Sentences, en = languages['en'] ?? {}) => problemsOf({ en, es }, names)
  assert.match(found(less).join(), /locales\/es\.json lacks "mail\.reset-password\.lifetime"/)
  for (const [changed, problem] of [
    [{ [lifetime]: '' }, /lacks "mail\.reset-password\.lifetime"/],
    [{ [lifetime]: 'Für immer' }, /other placeholders in "mail\.reset-password\.lifetime" than lifetime/],
    [{ [strength]: 'schwach|stark' }, /another number of parts/],
    [{ 'page.nobody': 'Niemand' }, /has "page\.nobody", which English has not/],
  ] as const) {
    const problems = found({ ...languages['de'], ...changed })
    assert.equal(problems.length, 1, problems.join())
    assert.match(problems[0] ?? '', problem)
  }
  const more = { ...languages['en'], 'page.nobody.title': 'Nobody', 'page.reason.hunger': 'Hungry' }
  assert.deepEqual(found(more, more), [
    'Neither code nor template names "page.nobody.title".',
    'Neither code nor template names "page.reason.hunger".',
  ])
  const { 'page.frame.skip': __, ...fewer } = languages['en'] ?? {}
  assert.match(found(fewer, fewer).join(), /locales\/en\.json has no "page\.frame\.skip"/)
})
