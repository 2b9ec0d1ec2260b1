// Last of all: begin. `preview` is for tests and scripts.

window.preview = {
  meta,
  page,
  view,
  /** Settles when the page shows its first evaluation. */
  ready: null,
  /** Sets controls and evaluates; null when something is not allowed. */
  async set(settings) {
    controls.set(settings);
    await changed();
    return page.refused ? null : page.reply;
  },
  /** All columns of the latest evaluation, unthinned. */
  columns: (name = "main") => ask("columns", { name }),
  show,
  overview,
  together,
  trail,
};
window.preview.ready = start();
window.preview.ready.then(reloads, (error) => tell(`The page failed: ${error.message}`));
