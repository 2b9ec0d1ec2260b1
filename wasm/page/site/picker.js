// Series picker: a combobox with search over any number of names.

const MOST_SHOWN = 100;

function buildPicker(input, list, names, chosen) {
  let shown = [];
  let active = -1;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = overview.open ? "" : names[page.index];
  };
  const choose = (index) => {
    chosen(index);
    close();
  };
  const activate = (at) => {
    active = Math.max(0, Math.min(shown.length - 1, at));
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", n === active));
    list.children[active]?.scrollIntoView({ block: "nearest" });
    if (shown.length) input.setAttribute("aria-activedescendant", `series-${active}`);
  };
  const open = (search) => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (name) => words.every((word) => name.toLowerCase().includes(word));
    let more = 0;
    shown = [];
    names.forEach((name, index) => {
      if (!fits(name)) return;
      if (shown.length < MOST_SHOWN) shown.push(index);
      else more += 1;
    });
    list.replaceChildren(...shown.map((index, n) => {
      const item = element("li", { role: "option", id: `series-${n}` }, names[index]);
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(index); });
      return item;
    }));
    if (more || shown.length === 0) {
      list.append(element("li", { class: "more" }, more ? `${more} more: type to search` : "no series has such a name"));
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    activate(0);
  };

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => open(""));
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !list.hidden && shown.length) choose(shown[active]);
    else if (event.key === "ArrowDown") list.hidden ? open("") : activate(active + 1);
    else if (event.key === "ArrowUp") activate(active - 1);
    else return;
    event.preventDefault();
  });
}
