try{let e=localStorage.getItem("theme");e&&(document.documentElement.dataset.theme=e)}catch{}new URLSearchParams(location.search).has("compact")&&(document.documentElement.dataset.compact="");
