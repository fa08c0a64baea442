// Dark or light as the system has it, or as was chosen last. A plain script, so that nothing is drawn before it ran.

(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = () => (system.matches ? "dark" : "light");
  const currentTheme = () => document.documentElement.dataset.theme;

  function apply() {
    document.documentElement.dataset.theme = localStorage.getItem("theme") ?? systemTheme();
    document.getElementById("theme-switch")?.setAttribute("aria-pressed", String(currentTheme() === "dark"));
  }

  // What the system has anyway is no choice: then the page goes on to follow it.
  function switchTheme() {
    const theme = currentTheme() === "dark" ? "light" : "dark";
    if (theme === systemTheme()) localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
    apply();
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme-switch").addEventListener("click", switchTheme);
  });
})();
