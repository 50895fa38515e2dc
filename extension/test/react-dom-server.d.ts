/** The one function that tests use; the types of react-dom are not among the packages. */
declare module 'react-dom/server' {
  export function renderToStaticMarkup(element: unknown): string;
}
