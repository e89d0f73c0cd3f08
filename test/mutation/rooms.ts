/** The folders that are mutated, and the tests that must notice a change there. */
export const rooms: Record<string, string[]> = {
  passwords: ['src/passwords/*.test.ts', 'src/account-settings/{change,delete}*.test.ts'],
  links: ['src/links/*.test.ts', 'src/recovery/{report-not-me,reset-password}.test.ts', 'test/left-mailbox.test.ts'],
  sessions: ['src/sessions/*.test.ts', 'src/account-settings/account-limits.test.ts'],
  recovery: ['src/recovery/!(model|race).test.ts', 'src/links/*.test.ts'],
}
