/** What an operator may set about network interfaces: nothing so far. How many there may be is the allocator's matter. */
import * as v from 'valibot';

export const configSchema = v.strictObject({});
