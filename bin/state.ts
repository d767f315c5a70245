/** Where ranges are recorded and verified images kept, unless the operator says otherwise. */
export const defaultState = '/var/lib/postern';
