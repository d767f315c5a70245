/** Where the gateway listens unless somebody said otherwise. Alone, so that who wants to know it loads nothing else. */
export const defaultSocket = '/run/postern/postern.sock';
