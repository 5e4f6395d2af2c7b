#!/bin/sh
# Makes the clips of this folder and the digests of their planes as ffmpeg decodes them. Run here.
set -e
source="-f lavfi -i testsrc2=size=96x64:rate=25:duration=1,noise=alls=3:allf=t:all_seed=7"
run() { ffmpeg -nostdin -v error -y $source -fflags +bitexact -flags:v +bitexact "$@"; }
run -pix_fmt yuv420p -c:v libx264 -profile:v high -bf 2 -g 10 -crf 30 -threads 1 h264_high.mp4
run -pix_fmt yuv420p -c:v libx264 -profile:v main -bf 2 -g 10 -crf 30 -threads 1 h264_main.mkv
run -pix_fmt yuv420p -c:v libx264 -profile:v baseline -g 10 -crf 30 -threads 1 -movflags frag_keyframe+empty_moov h264_fragments.mp4
run -pix_fmt yuv420p -c:v libx265 -x265-params log-level=error:keyint=10:bframes=2:crf=30:frame-threads=1:pools=none:info=0 hevc_main.mp4
run -t 0.4 -pix_fmt yuvj420p -c:v mjpeg -q:v 12 -threads 1 mjpeg.avi
run -t 0.2 -pix_fmt yuv420p -c:v mpeg4 -vtag XVID -q:v 20 -threads 1 xvid.avi
for file in h264_high.mp4 h264_main.mkv h264_fragments.mp4 hevc_main.mp4; do
    ffmpeg -nostdin -v error -i $file -fps_mode passthrough -pix_fmt yuv420p -f rawvideo - | python3 -c "
import sys
digest = 0xcbf29ce484222325
data = sys.stdin.buffer.read()
for byte in data:
    digest = (digest ^ byte) * 0x100000001b3 % 2**64
print('$file', len(data) // (96 * 64 * 3 // 2), format(digest, '016x'))"
done > digests.txt
