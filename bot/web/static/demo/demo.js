/** The made-up ENT's few gestures: its services are one page shown by halves, its sample questions fill the assistant. */

const wanted = new URLSearchParams(location.search).get('service');
const link = /** @type {HTMLElement | null} */ (wanted && document.querySelector(`nav [data-service="${CSS.escape(wanted)}"]`));
if (wanted && link) {
  const name = link.firstChild?.textContent?.trim() ?? '';
  const title = /** @type {HTMLElement} */ (document.querySelector('h1'));
  document.querySelector('nav [aria-current]')?.removeAttribute('aria-current');
  link.setAttribute('aria-current', 'page');
  title.textContent = name;
  document.title = `${name} – ENT Les Tilleuls (démonstration)`;
  document.querySelector('.cards')?.classList.add('alone');
  for (const card of document.querySelectorAll('.card')) if (card.id !== wanted) card.setAttribute('hidden', '');
  // what an ENT does when its pages change: the assistant is told which service is on screen
  document.querySelector('script[data-page]')?.setAttribute('data-page', name);
}

for (const button of document.querySelectorAll('[data-question]')) {
  button.addEventListener('click', () => {
    /** @type {any} */ (window).AssistENT?.open(button.textContent?.replace(/\u00a0/g, ' '));
  });
}
