/** Every test ends with as many owned descriptors as it began with. */
import { afterEach, beforeEach, expect } from 'vitest';
import { ownedDescriptors } from '../../mesh/descriptors.ts';

let before = 0;
beforeEach(() => {
  before = ownedDescriptors();
});
afterEach(() => {
  expect(ownedDescriptors(), 'descriptors without an owner who closed them').toBe(before);
});
