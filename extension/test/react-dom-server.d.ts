/** The only function that tests use; the types of react-dom are not a dependency. */
declare module 'react-dom/server' {
  export function renderToStaticMarkup(element: unknown): string;
}
