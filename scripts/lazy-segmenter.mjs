/**
 * Stands for Intl.Segmenter in the bundle (bundle.mjs, `define`). To make one takes 13 ms, and yargs' libraries make
 * one at every start, to measure text that isn't ASCII: there is hardly any.
 */
export class LazySegmenter {
  #real;

  segment(text) {
    // Not by its name, which stands for this class here, too.
    this.#real ??= new (Reflect.get(Intl, "Segmenter"))();
    return this.#real.segment(text);
  }
}
