// Keeps the page up to date. All HTML comes from the server, escaped there; nothing is built from data here.
"use strict";

(() => {
  const KEPT = 40; // texts a phone, as on the server
  const live = document.getElementById("live");
  const byData = (name, value) => document.querySelector(`[data-${name}="${CSS.escape(value)}"]`);

  function show(state, words) {
    live.className = `live ${state}`;
    live.lastElementChild.textContent = words;
  }

  function element(html) {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  }

  function place(page, ids) {
    const fresh = new DOMParser().parseFromString(page, "text/html");
    for (const id of ids) document.getElementById(id).replaceWith(fresh.getElementById(id));
  }

  // One at a time: a storm of reasons to load afresh is one load, and then one more.
  let loading = false;
  let again = false;
  async function refresh() {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const answer = await fetch("/", { cache: "no-store" });
      place(await answer.text(), ["board", "side", "armed", "phones"]);
    } catch {
      // The stream says so when the server is gone, and refreshes when it is back.
    }
    loading = false;
    if (again) {
      again = false;
      refresh();
    }
  }

  function ring(phone) {
    phone.classList.remove("ring");
    void phone.offsetWidth; // restarts the animation
    phone.classList.add("ring");
  }

  function text({ smsid, number, html }) {
    const known = byData("smsid", smsid);
    if (known) {
      known.replaceWith(element(html));
      return;
    }
    const phone = byData("number", number);
    if (!phone) {
      refresh();
      return;
    }
    const bubble = element(html);
    bubble.classList.add("arriving");
    const texts = phone.querySelector(".texts");
    texts.append(bubble);
    if (texts.childElementCount > KEPT) texts.firstElementChild.remove();
    phone.querySelector(".quiet")?.remove();
    document.getElementById("hint")?.remove();
    ring(phone);
  }

  function board(parts) {
    for (const [id, html] of Object.entries(parts)) document.getElementById(id).innerHTML = html;
  }

  // The forms work by themselves; this keeps the page where it is, and what was written if it was wrong.
  document.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { target: form, submitter } = event;
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form, submitter)),
    });
    const page = await answer.text();
    document.querySelector(".problem")?.remove();
    if (answer.ok) {
      place(page, form.matches(".arm") ? ["board", "faults"] : ["board", "armed"]);
      return;
    }
    const fresh = new DOMParser().parseFromString(page, "text/html");
    document.querySelector(".arm").before(fresh.querySelector(".problem"));
  });

  const source = new EventSource("/events");
  source.addEventListener("hello", () => {
    show("on", "live");
    refresh(); // for what passed before the stream stood, or while it was broken
  });
  source.addEventListener("text", (event) => text(JSON.parse(event.data)));
  source.addEventListener("board", (event) => board(JSON.parse(event.data)));
  source.addEventListener("refresh", refresh);
  source.addEventListener("error", () => show("off", "disconnected"));
})();
