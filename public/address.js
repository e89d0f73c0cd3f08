// Carries an email address that was typed on one page over to the next, so that it has to be typed only once.

const field = document.getElementById('email')
const key = 'typed-email'

field.value ||= sessionStorage.getItem(key) ?? ''
sessionStorage.removeItem(key)

for (const link of document.querySelectorAll('main a')) {
  // Only to pages that take it out again, and in this tab.
  if (!['/log-in', '/sign-up', '/forgot'].includes(link.pathname)) continue
  link.addEventListener('click', (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) sessionStorage.setItem(key, field.value)
  })
}
