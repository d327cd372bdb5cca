// Finding and making elements. Text goes in as text: nothing here parses markup.

export const byId = (id) => document.getElementById(id);
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const maker = (space) => (tag, attributes, ...children) => {
  const element = document.createElementNS(`http://www.w3.org/${space}`, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
export const html = maker("1999/xhtml");
export const svg = maker("2000/svg");

/** Ask for `work` at will: it runs now, then once for all that is asked within `pause` ms. */
export function throttled(work, pause) {
  let timer = 0;
  let again = false;
  return function ask() {
    again = timer > 0;
    if (again) return;
    work();
    timer = setTimeout(() => {
      timer = 0;
      if (again) ask();
    }, pause);
  };
}
