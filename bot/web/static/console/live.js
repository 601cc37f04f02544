// Pages that keep themselves up to date: what is marked `data-live` is read again when the server says that something changed.
// Without this script, or without the stream, the pages are as they were: reloading shows the rest.

const page = document.querySelector("main[data-stream]") ?? document.querySelector("[data-stream]");
const LEAST_BETWEEN_MS = 1000;

if (page && "EventSource" in window) {
  const stream = new EventSource(page.dataset.stream);
  let asked = false;
  let last = 0;

  const refresh = () => {
    asked = false;
    last = Date.now();
    return readAgain();
  };

  const ask = () => {
    if (asked) return;
    asked = true;
    // Two hundred consoles do not ask at the same instant.
    setTimeout(refresh, Math.max(0, last + LEAST_BETWEEN_MS - Date.now()) + Math.random() * 400);
  };

  stream.addEventListener("change", ask);
  // The stream came back after a cut: what was missed is read.
  let known = false;
  stream.addEventListener("pret", () => { if (known) ask(); known = true; });
  stream.addEventListener("presence", (event) => {
    const place = document.getElementById("presence");
    if (!place) return;
    const names = JSON.parse(event.data);
    place.textContent = names.length ? `${names.join(", ")} ${names.length > 1 ? "regardent" : "regarde"} aussi cette demande.` : "";
  });
  addEventListener("pagehide", () => stream.close());
}

// What changes without anything to tell it is read again every so many seconds, as long as it says so itself.
const waits = () => Number(document.querySelector("[data-every]")?.dataset.every ?? 0);
const wait = () => { if (waits()) setTimeout(async () => { if (!document.hidden) await readAgain(); wait(); }, waits() * 1000); };
wait();

/** Read the page again, and put what is marked in its place. */
async function readAgain() {
  // The page that answers a form has an address that only a form may open.
  const answer = await fetch(page?.dataset.page ?? location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (next) replace(old, next);
  }
}

/** Put `next` in place of what `old` shows, without losing where the reader is or what is ticked. */
function replace(old, next) {
  if (old.innerHTML === next.innerHTML) return;
  const focused = old.contains(document.activeElement) ? selector(document.activeElement) : null;
  for (const box of old.querySelectorAll("input[type=checkbox]:checked")) {
    const same = next.querySelector(`input[type=checkbox][name="${CSS.escape(box.name)}"][value="${CSS.escape(box.value)}"]`);
    if (same) same.setAttribute("checked", "");
  }
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  old.replaceChildren(...document.importNode(next, true).childNodes);
  [...old.querySelectorAll("details")].forEach((one, place) => { one.open ||= open[place] ?? false; });
  if (focused) old.querySelector(focused)?.focus();
}

function selector(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.href) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  if (element.name) return `[name="${CSS.escape(element.name)}"][value="${CSS.escape(element.value)}"]`;
  return element.tagName.toLowerCase();
}
