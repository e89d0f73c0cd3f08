// Takes the address that was typed on one page to the next one, so that nobody types it twice.

const field = document.getElementById('email')
const name = 'typed-address'

field.value ||= sessionStorage.getItem(name) ?? ''
sessionStorage.removeItem(name)

for (const link of document.querySelectorAll('main a')) {
  link.addEventListener('click', () => sessionStorage.setItem(name, field.value))
}
