/**
 * Returns the path on this site to redirect to, from untrusted input, or `/` if it leads to another site (open
 * redirect, CWE-601).
 */
export function localPath(wanted: string | undefined): string {
  const here = 'http://here.invalid'
  const url = URL.parse(wanted ?? '/', here)
  const path = url?.origin === here ? url.pathname + url.search : '/'
  return /^\/[/\\]/.test(path) ? '/' : path
}
