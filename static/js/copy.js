// A button that copies the field before it.
for (const button of document.querySelectorAll("button.copy")) {
  const field = button.previousElementSibling;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    field.select(); // so that it can be copied by keyboard if the browser denies access
    const { textContent } = button;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      return;
    }
    button.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = textContent), 2_000);
  });
}
