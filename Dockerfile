# `demiglace serve` on a CPU, with the model that ships: docker build -t demiglace . && docker run -p 8000:8000 demiglace
FROM python:3.12-slim AS build
COPY . /source
RUN pip install --no-cache-dir build==1.6.1 && python -m build --wheel --outdir /wheels /source

FROM python:3.12-slim
# Where torch without CUDA is, which is a tenth of the size.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --from=build /wheels /wheels
COPY constraints.txt /wheels/
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -c /wheels/constraints.txt "$(ls /wheels/*.whl)[serve]" \
    && rm -r /wheels && useradd --uid 1000 --create-home demiglace \
    && install --directory --owner 1000 /home/demiglace/hub
USER 1000
WORKDIR /home/demiglace
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/health')"]
ENTRYPOINT ["demiglace"]
CMD ["serve", "nano", "--host", "0.0.0.0", "--port", "8000"]
