/**
 * Results that are finished out of order, passed on in order.
 *
 * @module
 */

/** Passes results on in the order of their indices, counted from 0, whatever order they come in. */
export function inOrder<T>(emit: (value: T, index: number) => void): (index: number, value: T) => void {
  const waiting = new Map<number, T>();
  let next = 0;
  return (index, value) => {
    waiting.set(index, value);
    for (; waiting.has(next); next++) {
      emit(waiting.get(next)!, next);
      waiting.delete(next);
    }
  };
}
