//! From files to windows: layouts, clips, labels, the frame cache, splits, and the generated scene.
