/** Where a service of this test's project is: test/services/global-setup.ts starts it and sets the variable. */
export const serviceUrl = (variable: string): string => {
  const url = process.env[variable];
  if (!url) throw new Error(`${variable} is not set: no service is started for this project.`);
  return url;
};
