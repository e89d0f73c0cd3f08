/** A path on this site to go on to, from a field that anybody can fill in: `/` for whatever leads elsewhere (CWE-601). */
export function localPath(wanted: string | undefined): string {
  const here = 'http://here.invalid'
  const url = URL.parse(wanted ?? '/', here)
  const path = url?.origin === here ? url.pathname + url.search : '/'
  return /^\/[/\\]/.test(path) ? '/' : path
}
