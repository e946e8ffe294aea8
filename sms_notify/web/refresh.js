"use strict";
// Shows the page anew while it is looked at. Whatever somebody reads, types, has chosen or unfolded stays: the page is taken
// over only where none of that is under way. Without this script the page is whole, and as old as its last loading.
(() => {
  const every = 15000;
  const main = document.querySelector("main[data-refresh]");
  const said = document.querySelector("#as-of");
  if (!main) return;

  const busy = () => main.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button")
    || main.querySelector("input:checked, dialog[open]") !== null
    || !(getSelection()?.isCollapsed ?? true);

  const unfolded = () => [...main.querySelectorAll("details[open][id]")].map((one) => one.id);

  const fields = () => [...main.querySelectorAll("input:not([type=hidden], [type=checkbox]), select")];
  const place = (field) => `${field.form.getAttribute("action")} ${field.name} ${field.form.elements.schedule?.value ?? ""}`;
  const written = () => new Map(fields().map((field) => [place(field), field.value]));

  const take = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.querySelector("main[data-refresh]");
    if (!fresh) return;
    const open = unfolded(), typed = written(), focus = document.activeElement?.getAttribute("href");
    main.replaceChildren(...fresh.childNodes);
    fields().forEach((field) => {
      const value = typed.get(place(field));
      const takes = !field.options || [...field.options].some((one) => one.value === value);
      if (value !== undefined && takes) field.value = value;
    });
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (focus) [...main.querySelectorAll("a")].find((one) => one.getAttribute("href") === focus)?.focus({ preventScroll: true });
    document.title = page.title;
    if (said) said.replaceChildren(...(page.querySelector("#as-of")?.childNodes ?? []));
  };

  const look = async () => {
    if (document.hidden || busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !busy()) take(await answer.text());
      document.body.classList.toggle("stale", !answer.ok);
    } catch {
      document.body.classList.add("stale");
    }
  };
  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
})();
