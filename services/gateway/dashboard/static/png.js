// Charts as PNG: the SVG of the page's own address, drawn on white at twice its size. Without script there is the SVG.

const SCALE = 2;

async function drawn(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * SCALE;
  canvas.height = image.naturalHeight * SCALE;
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// Links come anew when a part of the page does, so the page listens, not they.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-png]");
  if (link === null) return;
  event.preventDefault();
  const taken = document.createElement("a");
  taken.href = URL.createObjectURL(await drawn(link.href));
  taken.download = link.dataset.png;
  taken.click();
  setTimeout(() => URL.revokeObjectURL(taken.href), 60_000);
});
