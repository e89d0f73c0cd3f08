// Carries an email address that was typed on one page over to the next, so that it has to be typed only once.

const field = document.getElementById('email')
const key = 'typed-email'

field.value ||= sessionStorage.getItem(key) ?? ''
sessionStorage.removeItem(key)

for (const link of document.querySelectorAll('main a')) {
  link.addEventListener('click', () => sessionStorage.setItem(key, field.value))
}
