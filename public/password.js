// Improves fields for passwords: a button shows what was typed, and a new one is told how hard it is to guess.

for (const button of document.querySelectorAll('[data-shows]')) {
  const field = document.getElementById(button.dataset.shows)
  button.hidden = false
  button.addEventListener('click', () => show(field, button, field.type === 'password'))
  // Password managers and the browser's own memory look for a field of type password.
  field.form.addEventListener('submit', () => show(field, button, false))
}

for (const hint of document.querySelectorAll('[data-strength-of]')) {
  const field = document.getElementById(hint.dataset.strengthOf)
  const words = hint.dataset.words.split('|')
  field.addEventListener('input', () => {
    const strength = strengthOf(field.value, Number(hint.dataset.least))
    hint.hidden = field.value === ''
    hint.dataset.strength = strength
    hint.textContent = words[strength]
  })
}

function show(field, button, isShown) {
  field.type = isShown ? 'text' : 'password'
  button.setAttribute('aria-pressed', String(isShown))
}

/** From 0, too short, to 4. Only characters count that do not repeat or continue the one before them, as in aaaa or 1234. */
function strengthOf(password, least) {
  const points = Array.from(password, (character) => character.codePointAt(0))
  if (points.length < least) return 0
  const surprising = points.filter((point, index) => Math.abs(point - (points[index - 1] ?? -9)) > 1).length
  const distinct = new Set(points).size
  return [7, 11, 15].filter((length) => surprising > length && distinct > length / 2).length + 1
}
